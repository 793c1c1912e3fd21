import { guardOwner, sameBuyer } from './owner';

describe('guard owner', () => {
  it('is the same for the same request, and shows the same buyer under another key', () => {
    const owner = guardOwner('buyer-1', 'key-1');
    expect(guardOwner('buyer-1', 'key-1')).toBe(owner);
    expect(guardOwner('buyer-1', 'key-2')).not.toBe(owner);
    expect(sameBuyer(owner, guardOwner('buyer-1', 'key-2'))).toBe(true);
    expect(sameBuyer(owner, guardOwner('buyer-2', 'key-1'))).toBe(false);
  });

  it('is plain text without the separator of guard values, and without the ids', () => {
    expect(guardOwner('buyer:1', 'key:1')).toMatch(/^[\w-]{11}\.[\w-]{11}$/);
  });

  it('does not confuse where the buyer ends and the key begins', () => {
    expect(guardOwner('ab', 'c').split('.')[1]).not.toBe(guardOwner('a', 'bc').split('.')[1]);
  });
});
