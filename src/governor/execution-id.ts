let lastId = 0;

/** @returns an id that no execution of this thread has had. */
export function nextExecutionId(): number {
  lastId += 1;
  return lastId;
}
