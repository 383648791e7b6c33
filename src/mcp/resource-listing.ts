import type { ReadContext } from '../manager/read-context.ts';
import type {
  ListContext,
  ListedResource,
  Registration,
  ResourceAnnotations,
} from '../registry/registration.ts';
import type { UriRegistry } from '../registry/uri-registry.ts';
import { pageOf, type Page } from './cursor.ts';

/** An entry of `resources/list`. */
export interface ResourceEntry {
  readonly uri: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly mimeType?: string;
  readonly size?: number;
  readonly annotations?: ResourceAnnotations;
}

/** An entry of `resources/templates/list`. */
export interface TemplateEntry {
  readonly uriTemplate: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly mimeType?: string;
}

type Known = Registration<ReadContext>;

/** Whether a pattern stands for many resources rather than for one. */
export function isTemplate(registration: Known): boolean {
  return registration.template.variables.length > 0;
}

/**
 * One page of all resources: those with exact URIs and those that the templates list.
 *
 * Each page calls every `list`: what it shows is what there is now. A URI that several patterns know
 * shows once; its own registration describes it best.
 */
export async function listResources(
  registry: UriRegistry<ReadContext>,
  context: ListContext,
  cursor: string | undefined,
  pageSize: number,
): Promise<Page<ResourceEntry>> {
  const registrations = registry.list();
  const entries = new Map<string, ResourceEntry>();
  const listed = await Promise.all(
    registrations.map(async (registration) => ({
      registration,
      resources: [...((await registration.list?.(context)) ?? [])],
    })),
  );
  for (const { registration, resources } of listed) {
    for (const resource of resources) {
      entries.set(resource.uri, describeListed(resource, registration));
    }
  }
  for (const registration of registrations) {
    if (isTemplate(registration)) continue;
    entries.set(registration.pattern, { uri: registration.pattern, ...describe(registration) });
  }
  const sorted = [...entries.values()].sort((a, b) => compare(a.uri, b.uri));
  return pageOf('resources', sorted, ({ uri }) => uri, cursor, pageSize);
}

/** One page of all templates. */
export function listTemplates(
  registry: UriRegistry<ReadContext>,
  cursor: string | undefined,
  pageSize: number,
): Page<TemplateEntry> {
  const sorted = registry
    .list()
    .filter(isTemplate)
    .map((registration) => ({ uriTemplate: registration.pattern, ...describe(registration) }))
    .sort((a, b) => compare(a.uriTemplate, b.uriTemplate));
  return pageOf('templates', sorted, ({ uriTemplate }) => uriTemplate, cursor, pageSize);
}

function describe({
  name,
  title,
  description,
  mimeType,
}: Known): Omit<TemplateEntry, 'uriTemplate'> {
  return {
    name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(mimeType === undefined ? {} : { mimeType }),
  };
}

/** Title and description of the template are about all of its resources, not about one. */
function describeListed(resource: ListedResource, { mimeType: usual }: Known): ResourceEntry {
  const { uri, name = uri, title, description, mimeType = usual, size, annotations } = resource;
  return {
    uri,
    name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(size === undefined ? {} : { size }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
