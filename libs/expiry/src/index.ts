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
export {
  type EngineLog,
  type EngineParts,
  type OutstandingHolds,
  type RabbitmqParts,
  type RedisParts,
  type SqsSettings,
  type SweepSettings,
  type TimingWheelSettings,
} from './engine-parts';
export { withEngines } from './engine-config';
export { EngineUnavailable } from './engine-unavailable';
export { openEngine, openScheduler } from './open-engine';
export type { Timer } from './timer';
export {
  checkJournals,
  rebuildDamagedJournals,
  setDamagedJournalsAside,
  type JournalState,
} from './timing-wheel/mend-journals';
