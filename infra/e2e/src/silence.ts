const ANSWER_MS = 5_000;

/**
 * Asked once before the suite, which would find it out in each of its cases. Any answer will do.
 *
 * @returns why nobody answers at `url` within 5 s; undefined when somebody does
 */
export async function whyNobodyAnswers(url: string): Promise<string | undefined> {
  try {
    await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) });
    return undefined;
  } catch (error) {
    const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    // Several addresses of one name are tried together: their error has a code and no words.
    return cause?.message || cause?.code || message;
  }
}
