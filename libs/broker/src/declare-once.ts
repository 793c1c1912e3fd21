import { connect } from 'amqplib';
import { sayGoodbye } from './goodbye';
import { CONNECT_TIMEOUT_MS } from './options';
import { assertTopology, type Topology } from './topology';

/**
 * Declares on a connection of its own and closes it: for what may not be possible on this broker. (An exchange type whose
 * plugin is missing closes the whole connection up to RabbitMQ 3.13.2.) Rejects with the broker's reason.
 */
export async function declareOnce(url: string, topology: Topology): Promise<void> {
  const connection = await connect(url, { timeout: CONNECT_TIMEOUT_MS });
  // A refusal that closes the whole connection ends the channel without a reason: that is in the connection's own error.
  let refusal: Error | undefined;
  connection.on('error', (error: Error) => (refusal = error));
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    await assertTopology(channel, topology);
  } catch (error) {
    throw refusal ?? error;
  } finally {
    await sayGoodbye(connection);
  }
}
