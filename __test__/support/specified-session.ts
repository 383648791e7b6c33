import { post, type SpecifiedAnswer } from './specified-servers.ts';

const REVISION = '2025-11-25';

/** A client of 2025-11-25 by hand, which may do what the SDK's would not. */
export class SpecifiedSession {
  readonly url: URL;
  readonly opening: SpecifiedAnswer;

  private constructor(url: URL, opening: SpecifiedAnswer) {
    this.url = url;
    this.opening = opening;
  }

  static async open(url: URL, protocolVersion = REVISION): Promise<SpecifiedSession> {
    const params = {
      protocolVersion,
      capabilities: {},
      clientInfo: { name: 'by hand', version: '1' },
    };
    const body = { jsonrpc: '2.0', id: 'opening', method: 'initialize', params };
    const session = new SpecifiedSession(url, await post(url, body));
    await session.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return session;
  }

  get id(): string {
    return this.opening.headers.get('mcp-session-id') ?? '';
  }

  get headers(): Record<string, string> {
    return { 'mcp-session-id': this.id, 'mcp-protocol-version': REVISION };
  }

  send(body: object | string, headers: object = {}): Promise<SpecifiedAnswer> {
    return post(this.url, body, { ...this.headers, ...headers });
  }

  ask(method: string, params: object = {}, id: unknown = 1): Promise<SpecifiedAnswer> {
    return this.send({ jsonrpc: '2.0', id, method, params });
  }
}
