import { Param, type PipeTransform } from '@nestjs/common';
import { validate as isUuid } from 'uuid';
import { problem, type ProblemCode } from './problems';

class IdPipe implements PipeTransform<string, string> {
  constructor(private readonly unknown: ProblemCode) {}

  transform(value: string): string {
    if (!isUuid(value)) throw problem(this.unknown);
    return value.toLowerCase();
  }
}

/** An id in the path. What is no id at all is as unknown as an id that nothing has. */
export const PathId = (name: string, unknown: ProblemCode): ParameterDecorator => Param(name, new IdPipe(unknown));
