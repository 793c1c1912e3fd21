import { EventSettings, HOLD_SECONDS_TOTAL_MAX, PRICE_MINOR_MAX, type SaleSettings } from '@holdfast/contracts';
import { checked, invalid } from '@holdfast/http';
import type { NewEvent } from '@holdfast/inventory';
import { parseSeatingPlan, type SeatingPlan } from './seating-plan/seating-plan';

export type EventContent = Pick<NewEvent, 'name' | 'currency' | 'categories' | 'seats' | 'layout' | 'sale'>;

/**
 * Reads the body of a request to create an event.
 *
 * @param now by the database's clock
 * @throws Problem `validation-failed`; a fault of the plan is named by its place in the plan's file
 */
export function readNewEvent(body: unknown, now: Date): EventContent {
  const {
    plan: file,
    prices,
    ...rest
  } = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const settings = checked(EventSettings, rest);
  const parsed = parseSeatingPlan(file);
  if ('faults' in parsed) throw invalid(parsed.faults);
  const { plan } = parsed;
  return {
    name: settings.name,
    currency: settings.currency,
    categories: pricedCategories(plan, prices),
    seats: plan.seats,
    layout: JSON.stringify(plan.layout),
    sale: readSale(settings.sale, now),
  };
}

function pricedCategories(plan: SeatingPlan, prices: unknown): EventContent['categories'] {
  if (typeof prices !== 'object' || prices === null || Array.isArray(prices)) {
    throw invalid([{ path: 'prices', message: 'must be an object: a price by the name of each category' }]);
  }
  const priceOf = new Map(Object.entries(prices));
  const unknown = [...priceOf.keys()].find((name) => !plan.categories.some((category) => category.name === name));
  if (unknown !== undefined) throw invalid([{ path: pricePath(unknown), message: 'the plan has no such category' }]);
  return plan.categories.map((category) => {
    const priceMinor = priceOf.get(category.name) as unknown;
    if (priceMinor === undefined)
      throw invalid([{ path: pricePath(category.name), message: 'the category has no price' }]);
    if (!Number.isInteger(priceMinor) || Number(priceMinor) < 0 || Number(priceMinor) > PRICE_MINOR_MAX) {
      const message = `must be an integer from 0 to ${PRICE_MINOR_MAX}, in minor units of the currency`;
      throw invalid([{ path: pricePath(category.name), message }]);
    }
    return { ...category, priceMinor: Number(priceMinor) };
  });
}

function readSale(sale: SaleSettings, now: Date): NewEvent['sale'] {
  const startsAt = sale.startsAt ? new Date(sale.startsAt) : undefined;
  const endsAt = sale.endsAt ? new Date(sale.endsAt) : undefined;
  if (endsAt && endsAt <= (startsAt ?? now)) {
    throw invalid([{ path: 'sale.endsAt', message: 'must be later than the start of the sale' }]);
  }
  const { holdSeconds, extensionsMax, seatsPerHoldMax, seatsPerBuyerMax, payGraceSeconds, latePayment } = sale;
  const holdSecondsMax = sale.holdSecondsMax ?? Math.min(holdSeconds * (1 + extensionsMax), HOLD_SECONDS_TOTAL_MAX);
  if (holdSecondsMax < holdSeconds) {
    throw invalid([{ path: 'sale.holdSecondsMax', message: 'must not be less than holdSeconds' }]);
  }
  return {
    startsAt,
    endsAt,
    holdSeconds,
    holdSecondsMax,
    extensionsMax,
    seatsPerHoldMax,
    seatsPerBuyerMax,
    payGraceSeconds,
    latePayment,
  };
}

/** `prices.Stalls`, `prices["Upper tier"]`. */
function pricePath(category: string): string {
  return /^[A-Za-z_]\w*$/.test(category) ? `prices.${category}` : `prices[${JSON.stringify(category)}]`;
}
