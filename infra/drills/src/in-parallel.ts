/** Runs the work for every item, so many at a time, and gives the results in the items' order. */
export async function inParallel<T, R>(atATime: number, items: T[], work: (item: T, nth: number) => Promise<R>) {
  const results: R[] = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const nth = next++;
      results[nth] = await work(items[nth] as T, nth);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}
