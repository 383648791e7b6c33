/** One spelling for all URIs that the SDK takes for the same: it looks them up as `URL` writes them. */
export function canonicalUri(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri;
}
