import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fallbackName, whyNotInside } from './data-folder.mjs';

const modes = (closed) => (path) => (path === closed ? 0o40700 : 0o40755);

describe('where private servers keep their data', () => {
  it('is inside the folder when every folder above may be entered', () => {
    assert.equal(whyNotInside('/home/me/clone/.local', { root: true, modeOf: modes() }), undefined);
  });
  it('is elsewhere when root hands the servers to users who cannot get there', () => {
    const reason = whyNotInside('/root/clone/.local', { root: true, modeOf: modes('/root') });
    assert.match(reason, /^\/root may not be entered/);
  });
  it('is inside for everybody but root: they own what they run', () => {
    assert.equal(whyNotInside('/home/me/clone/.local', { root: false, modeOf: modes('/home/me') }), undefined);
  });
  it('is elsewhere when the path has a blank, which RabbitMQ cannot take', () => {
    assert.match(whyNotInside('/home/me/my clone/.local', { root: false, modeOf: modes() }), /blank/);
  });
  it('has one fallback for each user and folder', () => {
    const names = [fallbackName('/a', 0), fallbackName('/a', 1), fallbackName('/b', 0)];
    assert.equal(new Set(names).size, names.length);
  });
});
