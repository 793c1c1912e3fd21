import { StepClock } from './step-clock';

describe('the step clock', () => {
  it('gives the time between two points to the later one, and starts anew when it is read', async () => {
    const clock = new StepClock();
    const reach = (point: Parameters<typeof clock.onCrashPoint>[0], attemptId = 'a') =>
      clock.onCrashPoint(point, { attemptId, holdId: 'h' });
    await reach('started:committed');
    await reach('started:begin-payment:before');
    await reach('begun:create-intent:before', 'another');
    await reach('started:begin-payment:after');
    await reach('begun:committed');
    await reach('captured:committed');
    const { payments, totalMs } = clock.take();
    expect(payments).toBe(1);
    expect(Object.keys(totalMs).sort()).toEqual(['beginPayment', 'between', 'commits']);
    expect(clock.take()).toEqual({ payments: 0, totalMs: {} });
  });
});
