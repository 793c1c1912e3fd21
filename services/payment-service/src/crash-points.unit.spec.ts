import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { crashAt, CRASH_POINTS } from './crash-points';

const [point = 'none'] = CRASH_POINTS;

describe('crashAt', () => {
  it('knows only points that there are', () => {
    expect(() => crashAt('nowhere')).toThrow('There is no crash point nowhere');
  });

  it('lets every other point pass', () => {
    const reach = crashAt(point);
    for (const other of CRASH_POINTS.slice(1)) reach(other);
  });

  it('kills the process at its own', () => {
    const built = join(__dirname, '..', 'dist', 'crash-points.js');
    const program = `require(${JSON.stringify(built)}).crashAt('${point}')('${point}'); console.log('alive')`;
    const { signal, stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect({ signal, stdout }).toEqual({ signal: 'SIGKILL', stdout: '' });
  });
});
