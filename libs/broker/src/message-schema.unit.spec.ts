import { IsEmail, IsInt, IsString } from 'class-validator';
import { messageCheck } from './message-schema';

class Poured {
  @IsString() tap!: string;
  @IsInt({ each: true }) cups!: number[];
}

class Mailed {
  @IsEmail() to!: string;
}

describe('the check of a message class', () => {
  it('is compiled once', () => {
    expect(messageCheck(Poured)).toBe(messageCheck(Poured));
  });

  it('knows the rules of class-validator, also for each member of a list', () => {
    const check = messageCheck(Poured);
    expect(check({ tap: 'left', cups: [1, 2], addedLater: true })).toBe(true);
    expect(check({ tap: 'left', cups: [1, '2'] })).toBe(false);
    expect(check({ cups: [] })).toBe(false);
  });

  it('is refused for a class with a rule it does not know', () => {
    expect(() => messageCheck(Mailed)).toThrow('the rule isEmail of to');
  });
});
