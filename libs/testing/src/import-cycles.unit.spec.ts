import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const ROOT = join(__dirname, '..', '..', '..');

/** What a file loads from its own project when it runs; imports of types alone are gone from what the compiler emits. */
function loadedBy(file: string): string[] {
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, experimentalDecorators: true },
  });
  return [...outputText.matchAll(/require\("(\.[^"]*)"\)/g)].map(([, path = '']) => `${join(dirname(file), path)}.ts`);
}

/** The first way from a file back to itself, or undefined. */
function findCycle(imports: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, way: string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const cycle = visit(next, [...way, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

// Between projects lint refuses cycles; within one it does not look.
it('no file loads itself by way of others', () => {
  const files = ts.sys.readDirectory(ROOT, ['.ts'], ['**/*.spec.ts'], ['libs/*/src', 'services/*/src', 'infra/*/src']);
  expect(files.length).toBeGreaterThan(200);
  const cycle = findCycle(new Map(files.map((file) => [file, loadedBy(file)])));
  expect(cycle?.map((file) => relative(ROOT, file))).toBeUndefined();
});
