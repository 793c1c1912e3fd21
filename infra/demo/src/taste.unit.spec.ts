import { arenaPlan, seededRandom } from '@holdfast/plan';
import { Taste } from './taste';

const plan = arenaPlan(2_000);
const always = () => true;

describe('the taste of the crowd', () => {
  it('picks seats beside each other', () => {
    const taste = new Taste(plan, seededRandom(1));
    for (let buyer = 0; buyer < 200; buyer++) {
      const seats = taste.pick(3, always) ?? [];
      const [row, first] = [seats[0]?.replace(/\d+$/, ''), Number(/\d+$/.exec(seats[0] ?? '')?.[0])];
      expect(seats).toEqual([0, 1, 2].map((nth) => `${row}${first + nth}`));
    }
  });

  it('is skewed: the first section is wanted far more often than the last', () => {
    const taste = new Taste(plan, seededRandom(1));
    const sections = plan.zones.filter(({ rows }) => rows.length > 0).map((zone) => zone.zone_id);
    const picks = Array.from({ length: 2_000 }, () => taste.pick(1, always)?.[0]?.split('-')[0]);
    const wishes = (section?: string) => picks.filter((pick) => pick === section).length;
    expect(wishes(sections[0])).toBeGreaterThan(4 * Math.max(1, wishes(sections.at(-1))));
  });

  it('takes only what is free, and gives up when nothing is', () => {
    const taste = new Taste(plan, seededRandom(1));
    expect(taste.pick(2, (seatId) => !seatId.startsWith('F'))?.[0]).toMatch(/^\d/);
    expect(taste.pick(1, () => false)).toBeUndefined();
  });

  it('works on plans with sections that have no seats', () => {
    const zones = [
      { ...plan.zones[0]!, rows: [] },
      { ...plan.zones[1]!, rows: plan.zones[1]!.rows.slice(0, 1) },
    ];
    expect(new Taste({ zones }, seededRandom(1)).pick(1, always)).toHaveLength(1);
  });
});
