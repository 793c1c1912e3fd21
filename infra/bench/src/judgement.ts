import type { ExpiryRound } from './expiry/expiry-row';
import type { HoldRound } from './hold-bench';
import type { ImportRound } from './import-bench';
import type { OnSaleRound } from './on-sale-bench';
import type { PaymentsRound } from './payments/payments-bench';
import type { StampedeRound } from './stampede-bench';

/** Why a bench must not exit with 0: what a seat engine may never do, whatever its speed. */
export const JUDGES = {
  hold: (rounds: HoldRound[]) => rounds.flatMap(({ doubleBooked }) => twice(doubleBooked)),
  import: (rounds: ImportRound[]) =>
    rounds.flatMap(({ doubleBooked, failed }) => [
      ...twice(doubleBooked),
      ...counted(failed, 'holds beside an import were not taken'),
    ]),
  'on-sale': (rounds: OnSaleRound[]) =>
    rounds.flatMap(({ doubleBooked, failed }) => [
      ...twice(doubleBooked),
      ...(failed > 0 ? [`${failed} requests got no answer, or one that does not belong here`] : []),
    ]),
  payments: (rounds: PaymentsRound[]) =>
    rounds.flatMap(({ chargedWithoutSeat, seatWithoutCharge, otherFaults, unpaid }) => [
      ...counted(chargedWithoutSeat, 'buyers were charged without a seat'),
      ...counted(seatWithoutCharge, 'seats were given without their charge'),
      ...counted(otherFaults, 'other faults are in the books'),
      ...counted(unpaid, 'payments with a good card were not paid'),
    ]),
  stampede: (rounds: StampedeRound[]) =>
    rounds.flatMap(({ variants, booked }) => [
      ...Object.entries(variants)
        .filter(([, { winners }]) => winners !== 1)
        .map(([variant, { winners }]) => `${variant}: ${winners} winners`),
      ...Object.entries(booked)
        .filter(([, { winners }]) => winners !== 0)
        .map(([variant, { winners }]) => `${variant}: ${winners} winners of a booked seat`),
    ]),
  expiry: (rounds: ExpiryRound[]) =>
    rounds.flatMap(({ engines }) =>
      engines
        .filter(({ kind }) => kind === 'ours')
        .flatMap(({ engine, variant, scenario, early, neverReleased }) => [
          ...(early > 0 ? [`${engine} (${variant}), ${scenario}: ${early} holds were released early`] : []),
          ...(neverReleased > 0
            ? [`${engine} (${variant}), ${scenario}: ${neverReleased} holds were never released`]
            : []),
        ]),
    ),
};

function counted(count: number, what: string): string[] {
  return count > 0 ? [`${count} ${what}`] : [];
}

function twice(doubleBooked: number): string[] {
  return doubleBooked > 0 ? [`${doubleBooked} seats had two buyers`] : [];
}
