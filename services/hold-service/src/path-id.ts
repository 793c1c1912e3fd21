import { Param, type PipeTransform } from '@nestjs/common';
import { problem, type ProblemCode } from '@holdfast/http';
import { validate as isUuid } from 'uuid';

/** An id in the path. What is no id at all is as unknown as an id that nothing has. */
class IdPipe implements PipeTransform<string, string> {
  constructor(private readonly unknown: ProblemCode) {}

  transform(value: string): string {
    if (!isUuid(value)) throw problem(this.unknown);
    return value.toLowerCase();
  }
}

export const EventId = () => Param('eventId', new IdPipe('unknown-event'));
export const HoldId = () => Param('holdId', new IdPipe('unknown-hold'));
