import { describe, expect, it } from 'vitest';

import { SPECIFIED_STATELESS, specifiedServer } from '../support/specified-servers.ts';
import { ask, bodyOf, headersFor, META, postAlone } from '../support/stateless-requests.ts';

async function capabilities(url: URL): Promise<unknown> {
  return (await ask(url, 'server/discover')).response.result?.['capabilities'];
}

/** A list on connections of its own, after one thing or another was asked; without its age. */
async function listedTwice(url: URL, method: string): Promise<string[]> {
  const texts: string[] = [];
  for (const before of ['prompts/list', 'tools/list']) {
    await ask(url, before);
    const { text } = await postAlone(url, bodyOf(method, {}, META), headersFor(method, {}));
    texts.push(text.replace(/"ttlMs":\d+/, ''));
  }
  return texts;
}

describe.each(SPECIFIED_STATELESS)('of revision 2026-07-28, what features MUST (%s):', (server) => {
  const started = specifiedServer(server);

  it('resources are declared (server/resources, Capabilities) [SPEC-MUSTS]', async () => {
    expect(await capabilities(started())).toHaveProperty('resources');
  });

  it('tools are declared (server/tools, Capabilities) [SPEC-MUSTS]', async () => {
    expect(await capabilities(started())).toHaveProperty('tools');
  });

  it('prompts are declared (server/prompts, Capabilities) [SPEC-MUSTS]', async () => {
    expect(await capabilities(started())).toHaveProperty('prompts');
  });

  it('completions are declared (server/utilities/completion, Capabilities) [SPEC-MUSTS]', async () => {
    expect(await capabilities(started())).toHaveProperty('completions');
  });

  it('logging is declared (server/utilities/logging, Capabilities) [SPEC-MUSTS]', async () => {
    expect(await capabilities(started())).toHaveProperty('logging');
  });

  it('resources/list is answered (server/resources, Capabilities) [SPEC-MUSTS]', async () => {
    const { response } = await ask(started(), 'resources/list');
    expect(response.result?.['resources']).toContainEqual(
      expect.objectContaining({ uri: 'test://static-text' }),
    );
  });

  it('tools/list is answered (server/tools, Capabilities) [SPEC-MUSTS]', async () => {
    const { response } = await ask(started(), 'tools/list');
    expect(response.result?.['tools']).toContainEqual(
      expect.objectContaining({ name: 'test_simple_text' }),
    );
  });

  it('prompts/list is answered (server/prompts, Capabilities) [SPEC-MUSTS]', async () => {
    const { response } = await ask(started(), 'prompts/list');
    expect(response.result?.['prompts']).toContainEqual(
      expect.objectContaining({ name: 'test_prompt_with_arguments' }),
    );
  });

  it('resources/list is the same on every connection (server/resources, Capabilities) [SPEC-MUSTS]', async () => {
    const [first, second] = await listedTwice(started(), 'resources/list');
    expect(first).toContain('"resources"');
    expect(second).toBe(first);
  });

  it('tools/list is the same on every connection (server/tools, Capabilities) [SPEC-MUSTS]', async () => {
    const [first, second] = await listedTwice(started(), 'tools/list');
    expect(first).toContain('"tools"');
    expect(second).toBe(first);
  });

  it('prompts/list is the same on every connection (server/prompts, Capabilities) [SPEC-MUSTS]', async () => {
    const [first, second] = await listedTwice(started(), 'prompts/list');
    expect(first).toContain('"prompts"');
    expect(second).toBe(first);
  });

  it('a resource that is not there is -32602 (server/resources, Error Handling) [SPEC-MUSTS]', async () => {
    for (const round of [1, 2]) {
      const { response } = await ask(started(), 'resources/read', { uri: 'test://missing' });
      expect(response.error?.code, `${round}`).toBe(-32_602);
    }
  });

  it('a resource that is not there is not empty contents (server/resources, Error Handling) [SPEC-MUSTS]', async () => {
    for (const round of [1, 2]) {
      const { text } = await ask(started(), 'resources/read', { uri: 'test://missing' });
      expect(text, `${round}`).not.toContain('"contents"');
    }
  });
});
