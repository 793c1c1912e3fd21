export { Connections } from './connections';
export { holdService } from './hold-service';
export { HoldTaking } from './hold-taking';
export { shortHoldRoute } from './short-hold-route';
export { HoldServiceConfig } from './hold-service-config';
export {
  parseSeatingPlan,
  SEATS_MAX,
  type Layout,
  type ParsedPlan,
  type SeatingPlan,
} from './seating-plan/seating-plan';
export type { PlanArea, PlanFile, PlanRow, PlanSeat, PlanZone } from './seating-plan/seating-plan.schema';
