import { PathId } from '@holdfast/http';

export const EventId = () => PathId('eventId', 'unknown-event');
export const HoldId = () => PathId('holdId', 'unknown-hold');
