import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { SPECIFIED, specifiedServer } from '../support/specified-servers.ts';
import { SpecifiedSession } from '../support/specified-session.ts';

const TEXT = 'test://static-text';

/** The first content of a kind in what a prompt says. */
async function promptContent(
  session: SpecifiedSession,
  name: string,
  params: object,
  kind: string,
): Promise<Record<string, unknown>> {
  const { response } = await session.ask('prompts/get', { name, ...params });
  const messages = response.result?.['messages'] as { content: Record<string, unknown> }[];
  const found = messages.find(({ content }) => content['type'] === kind);
  if (found === undefined) expect.fail(`no ${kind} in ${JSON.stringify(messages)}`);
  return found.content;
}

async function embeddedResource(session: SpecifiedSession): Promise<Record<string, unknown>> {
  const args = { arguments: { resourceUri: TEXT } };
  const name = 'test_prompt_with_embedded_resource';
  const { resource } = await promptContent(session, name, args, 'resource');
  return resource as Record<string, unknown>;
}

/** Who answers the method declares the capability. */
async function expectDeclared(
  session: SpecifiedSession,
  capability: string,
  method: string,
  params: object = {},
): Promise<void> {
  const { result } = session.opening.response;
  expect(result?.['capabilities']).toHaveProperty(capability);
  expect((await session.ask(method, params)).response).toHaveProperty('result');
}

describe.each(SPECIFIED)('of revision 2025-11-25, what features MUST (%s):', (server) => {
  const url = specifiedServer(server);
  const open = (): Promise<SpecifiedSession> => SpecifiedSession.open(url());

  it('resources are declared (server/resources, Capabilities) [SPEC-MUSTS]', async () => {
    await expectDeclared(await open(), 'resources', 'resources/list');
  });

  it('tools are declared (server/tools, Capabilities) [SPEC-MUSTS]', async () => {
    await expectDeclared(await open(), 'tools', 'tools/list');
  });

  it('prompts are declared (server/prompts, Capabilities) [SPEC-MUSTS]', async () => {
    await expectDeclared(await open(), 'prompts', 'prompts/list');
  });

  it('completions are declared (server/utilities/completion, Capabilities) [SPEC-MUSTS]', async () => {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    const params = { ref, argument: { name: 'arg1', value: '' } };
    await expectDeclared(await open(), 'completions', 'completion/complete', params);
  });

  it('logging is declared (server/utilities/logging, Capabilities) [SPEC-MUSTS]', async () => {
    await expectDeclared(await open(), 'logging', 'logging/setLevel', { level: 'info' });
  });

  it('images of prompts are base64 (server/prompts, Image Content) [SPEC-MUSTS]', async () => {
    const content = await promptContent(await open(), 'test_prompt_with_image', {}, 'image');
    const data = String(content['data']);
    expect(data).not.toBe('');
    expect(Buffer.from(data, 'base64').toString('base64')).toBe(data);
  });

  it('images of prompts have a MIME type (server/prompts, Image Content) [SPEC-MUSTS]', async () => {
    const content = await promptContent(await open(), 'test_prompt_with_image', {}, 'image');
    expect(content['mimeType']).toBe('image/png');
  });

  it('a resource in a prompt has a URI (server/prompts, Embedded Resources) [SPEC-MUSTS]', async () => {
    expect((await embeddedResource(await open()))['uri']).toBe(TEXT);
  });

  it('a resource in a prompt has a MIME type (server/prompts, Embedded Resources) [SPEC-MUSTS]', async () => {
    expect((await embeddedResource(await open()))['mimeType']).toBe('text/plain');
  });

  it('a resource in a prompt has text or data (server/prompts, Embedded Resources) [SPEC-MUSTS]', async () => {
    const { text, blob } = await embeddedResource(await open());
    expect(text ?? blob).toEqual(expect.stringMatching(/./));
  });

  it('binary data is base64, from the cache too (server/resources, Security Considerations) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const round of [1, 2]) {
      const { response } = await session.ask('resources/read', { uri: 'test://static-binary' });
      const contents = response.result?.['contents'] as { blob: string }[];
      const { blob = '' } = contents[0] ?? {};
      expect(blob, `${round}`).not.toBe('');
      expect(Buffer.from(blob, 'base64').toString('base64')).toBe(blob);
    }
  });

  it('inputSchema is an object, from the cache too (server/tools, Tool) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const round of [1, 2]) {
      const { response } = await session.ask('tools/list');
      const tools = response.result?.['tools'] as { inputSchema: unknown }[];
      expect(tools.length, `${round}`).toBeGreaterThan(0);
      for (const tool of tools) expect(tool.inputSchema).toMatchObject({ type: 'object' });
    }
  });
});
