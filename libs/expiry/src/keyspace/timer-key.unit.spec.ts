import { v7 as newId } from 'uuid';
import { readTimerKey, timerKey } from './timer-key';

describe('the name of a timer’s key', () => {
  it('says all there is to know, because the value is gone with the key', () => {
    const timer = { eventId: newId(), deadline: new Date(1_767_225_600_123), holdIds: [newId(), newId()] };
    expect(readTimerKey(timerKey(timer))).toEqual(timer);
  });

  it('keeps the keys of an event together on one node of a cluster', () => {
    const eventId = newId();
    expect(timerKey({ eventId, deadline: new Date(0), holdIds: [newId()] })).toContain(`:{${eventId}}:`);
  });

  it('is not read from the keys of others, whose expiry is told too', () => {
    for (const key of ['', 'seat:{e}:A-1', 'holdfast:timers:pending', 'holdfast:timer:{no-id}:1:x']) {
      expect(readTimerKey(key)).toBeUndefined();
    }
  });
});
