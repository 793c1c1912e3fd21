import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';

interface Pending {
  resolve: (status: number) => void;
  reject: (error: Error) => void;
}

/**
 * One kept-alive connection that sends one request at a time and reads only the status. Node's own client takes more CPU
 * for a request than the service does for its answer, and both share the cores of the machine that is measured.
 */
export class HttpLine {
  private socket?: Socket;
  private heard = '';
  private pending?: Pending;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  /** @returns the status; 0 when the connection broke before the answer */
  async post(path: string, headers: Record<string, string>, body: string): Promise<number> {
    const socket = (this.socket ??= this.open());
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const head = [
      `POST ${path} HTTP/1.1`,
      `host: ${this.host}`,
      ...lines,
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    try {
      return await new Promise<number>((resolve, reject) => {
        this.pending = { resolve, reject };
        socket.write(`${head.join('\r\n')}${HEAD_END}${body}`);
      });
    } catch {
      return 0;
    }
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.hear(text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.socket = undefined;
      this.heard = '';
      this.pending?.reject(new Error('the connection was closed'));
    });
    return socket;
  }

  private hear(text: string): void {
    this.heard += text;
    const end = this.heard.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.heard.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.heard.length < end + HEAD_END.length + length) return;
    this.heard = '';
    this.pending?.resolve(Number(head.slice(9, 12)));
  }
}
