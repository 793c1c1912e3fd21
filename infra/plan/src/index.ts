import { runPlanCommand } from './plan-command';

export { arenaPlan, SEATS_MAX, type ArenaOptions } from './arena-plan';
export { PLAIN_CATEGORY, plainPlan } from './plain-plan';
export type { PlanFile } from './plan-file';
export { seededRandom } from './seeded-random';

if (require.main === module) runPlanCommand(process.argv);
