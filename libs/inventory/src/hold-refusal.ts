import type { HoldState } from './seat-lifecycle';

/** Why a verb of the hold's owner was refused. A foreign hold is as unknown as one that never was. */
export type HoldRefusal =
  | { outcome: 'unknown-hold' }
  | { outcome: 'expired'; deadline: Date }
  | { outcome: 'ended'; state: HoldState }
  | { outcome: 'stale-version'; version: number };

/** What the owner's verbs select to explain a refusal. */
export interface RefusalRow {
  state: HoldState;
  deadline: Date;
  hold_version: number;
}

/** The refusal a statement named, with what explains it from its row. */
export function holdRefusal(outcome: HoldRefusal['outcome'], row: RefusalRow): HoldRefusal {
  switch (outcome) {
    case 'unknown-hold':
      return { outcome };
    case 'expired':
      return { outcome, deadline: row.deadline };
    case 'ended':
      return { outcome, state: row.state };
    case 'stale-version':
      return { outcome, version: row.hold_version };
  }
}
