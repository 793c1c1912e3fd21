import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import type { SqsSettings } from '../engine-parts';
import { EngineUnavailable } from '../engine-unavailable';
import { Batches } from './batches';

/** A received message is ours for so long; while it waits in memory, this is renewed. */
export const VISIBILITY_S = 10;
/**
 * How long SQS holds a request open for messages to come. It could be 20 s, but a worker that stops has to wait for its
 * open requests: SQS may answer one that was given up, and its messages would be hidden from everybody for a while.
 */
const LONG_POLL_S = 3;
/** A link that is half open answers nothing at all: no request waits longer, its tries by the SDK included. */
const ANSWER_WITHIN_MS = (LONG_POLL_S + 5) * 1_000;
const MESSAGES_PER_RECEIVE_MAX = 10;
/** The longest SQS keeps a message, two weeks: a worker that is away for a weekend loses none. */
const RETENTION_S = 14 * 24 * 60 * 60;

/** Refusals that no waiting mends. */
const REFUSED = /AccessDenied|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|CredentialsProviderError/;

/** SQS refuses the credentials, or what they may do. */
export class SqsRefused extends EngineUnavailable {
  constructor(queue: string, cause: Error) {
    super(
      `Amazon SQS refuses access to the queue ${queue} (${cause.name}). Give credentials by AWS_ACCESS_KEY_ID and ` +
        'AWS_SECRET_ACCESS_KEY or any other way of the AWS SDK, with the rights to get or create the queue and to ' +
        'send, receive and delete its messages; or choose another HOLDFAST_EXPIRY_ENGINE.',
      { cause },
    );
  }
}

interface Opened {
  sdk: typeof import('@aws-sdk/client-sqs');
  client: SQSClient;
  url: string;
}

/** The standard queue that carries timers, by the few requests the engine makes of it. */
export class SqsQueue {
  private opened: Promise<Opened> | undefined;
  private readonly sends = new Batches<{ body: string; delayS: number }>((entries) => this.sendBatch(entries));
  private readonly deletes = new Batches<string>((receipts) => this.deleteBatch(receipts));

  constructor(
    private readonly settings: SqsSettings,
    private readonly answerWithinMs = ANSWER_WITHIN_MS,
  ) {}

  /**
   * Finds the queue, and makes it where there is none.
   *
   * @throws SqsRefused when the credentials are missing, wrong, or may not
   */
  async open(): Promise<void> {
    await this.ready();
  }

  /** @param delayS until it can be received, 0 to 900 */
  send(body: string, delayS: number): Promise<void> {
    return this.sends.add({ body, delayS }, Buffer.byteLength(body));
  }

  /** Waits some seconds for messages. Each is invisible to others for `VISIBILITY_S`. */
  async receive(): Promise<Message[]> {
    const { sdk, client, url } = await this.ready();
    const command = new sdk.ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: MESSAGES_PER_RECEIVE_MAX,
      WaitTimeSeconds: LONG_POLL_S,
      VisibilityTimeout: VISIBILITY_S,
    });
    const { Messages = [] } = await client.send(command, this.inTime());
    return Messages;
  }

  delete(receipt: string): Promise<void> {
    return this.deletes.add(receipt);
  }

  /** @param seconds from now until others may receive it; 0 gives it back at once */
  async hide(receipt: string, seconds: number): Promise<void> {
    const { sdk, client, url } = await this.ready();
    await client.send(
      new sdk.ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: seconds }),
      this.inTime(),
    );
  }

  async close(): Promise<void> {
    const opened = await this.opened?.catch(() => undefined);
    opened?.client.destroy();
  }

  private async ready(): Promise<Opened> {
    this.opened ??= this.connect();
    try {
      return await this.opened;
    } catch (error) {
      this.opened = undefined;
      throw error;
    }
  }

  private async connect(): Promise<Opened> {
    // Loaded here, because the SDK costs every start time and memory, and most systems never use it.
    const sdk = await import('@aws-sdk/client-sqs');
    const { queue: name, region, endpoint } = this.settings;
    const client = new sdk.SQSClient({ region, endpoint });
    try {
      return { sdk, client, url: await findOrMake(sdk, client, name, this.inTime()) };
    } catch (error) {
      client.destroy();
      if (error instanceof Error && REFUSED.test(error.name)) throw new SqsRefused(name, error);
      throw error;
    }
  }

  private inTime(): { abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.answerWithinMs) };
  }

  private async sendBatch(entries: { body: string; delayS: number }[]): Promise<Map<number, string>> {
    const { sdk, client, url } = await this.ready();
    const { Failed } = await client.send(
      new sdk.SendMessageBatchCommand({
        QueueUrl: url,
        Entries: entries.map(({ body, delayS }, Id) => ({ Id: String(Id), MessageBody: body, DelaySeconds: delayS })),
      }),
      this.inTime(),
    );
    return refusals(Failed);
  }

  private async deleteBatch(receipts: string[]): Promise<Map<number, string>> {
    const { sdk, client, url } = await this.ready();
    const { Failed } = await client.send(
      new sdk.DeleteMessageBatchCommand({
        QueueUrl: url,
        Entries: receipts.map((ReceiptHandle, Id) => ({ Id: String(Id), ReceiptHandle })),
      }),
      this.inTime(),
    );
    return refusals(Failed);
  }
}

async function findOrMake(
  sdk: Opened['sdk'],
  client: SQSClient,
  name: string,
  inTime: { abortSignal: AbortSignal },
): Promise<string> {
  const found = await client.send(new sdk.GetQueueUrlCommand({ QueueName: name }), inTime).catch((error: unknown) => {
    if (error instanceof sdk.QueueDoesNotExist) return undefined;
    throw error;
  });
  if (found?.QueueUrl) return found.QueueUrl;
  const Attributes = { MessageRetentionPeriod: String(RETENTION_S), VisibilityTimeout: String(VISIBILITY_S) };
  const made = await client.send(new sdk.CreateQueueCommand({ QueueName: name, Attributes }), inTime);
  if (!made.QueueUrl) throw new Error(`Amazon SQS made the queue ${name} and did not say where`);
  return made.QueueUrl;
}

function refusals(failed: { Id?: string; Code?: string }[] = []): Map<number, string> {
  return new Map(failed.map(({ Id, Code }) => [Number(Id), Code ?? 'unknown']));
}
