export {
  EXPIRY_ENGINES,
  type DueOutcome,
  type EngineCounts,
  type ExpiryEngine,
  type ExpiryEngineName,
  type ExpiryScheduler,
  type HoldDeadline,
  type LookAgain,
  type OnDue,
  type ScheduleCounts,
} from './expiry-engine';
export { DatabaseClock } from './database-clock';
export { DelayedExchangeMissing } from './delayed-exchange/delayed-timers';
export { openEngine, openScheduler, type EngineParts } from './open-engine';
