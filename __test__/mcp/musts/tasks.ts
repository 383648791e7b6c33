import { held, left, type Must, OLD } from './must.ts';

const TASKS = 'proxy/proxy-tasks.test.ts';
const PASSES = 'the SDK and its task store, which make tasks: they pass unchanged and uncached';
const rows = (place: string, ...musts: readonly string[]): Must[] =>
  musts.map((must) => left(OLD, `tasks, ${place}`, must, PASSES));

/** Tasks of 2025-11-25; 2026-07-28 has them in an extension. */
export const TASK_MUSTS: readonly Must[] = [
  held(
    OLD,
    'tasks, Result Retrieval',
    'a task that was begun is answered with CreateTaskResult',
    'proxy/proxy-tasks.test.ts',
    'are begun by a result that names them',
  ),
  held(
    OLD,
    'tasks, Result Retrieval',
    'tasks/result gives the final result',
    TASKS,
    'pass from their begin to their result',
  ),
  held(
    OLD,
    'tasks, Associating Messages',
    'what a task asks names the task',
    'proxy/proxy-tasks.test.ts',
    'are named by what they ask',
  ),
  held(
    OLD,
    'cancellation, Behavior Requirements; tasks, Task Cancellation',
    'tasks/cancel makes it cancelled',
    TASKS,
    'are cancelled where their client wants it',
  ),
  ...rows('Capabilities', 'tasks are declared'),
  ...rows('Tool-Level Negotiation', 'a tool that requires a task refuses a plain call with -32601'),
  ...rows('Task Support', 'without the capability, a request is processed plainly'),
  ...rows('Task IDs', 'an id is a string', 'the receiver makes it', 'it is unique'),
  ...rows(
    'Status Lifecycle',
    'it begins as working',
    'only valid transitions',
    'a terminal state stays',
  ),
  ...rows('Input Required', 'what it asks has related-task metadata'),
  ...rows('TTL', 'createdAt is told', 'lastUpdatedAt is told', 'ttl is told'),
  ...rows(
    'Result Retrieval',
    'tasks/result waits for the end',
    'it gives just what the request would have',
  ),
  ...rows(
    'Associating Messages',
    'all messages name the task',
    'the taskId of params is what counts',
  ),
  ...rows('Task Listing', 'more pages have a nextCursor', 'what can be got can be listed'),
  ...rows(
    'Task Cancellation',
    'a task that has ended is not cancelled: -32602',
    'cancelled stays cancelled',
  ),
  ...rows('Related Task Metadata', 'tasks/result carries it'),
  ...rows(
    'Protocol Errors',
    'an unknown task is -32602',
    'an unknown cursor is -32602',
    'internal errors are -32603',
  ),
  ...rows(
    'Execution Errors',
    'an error of the request is the error of tasks/result',
    'a result is a result',
  ),
  ...rows(
    'Isolation',
    'tasks belong to an authorization context',
    'ids cannot be guessed',
    'others are refused',
    'lists have only their own',
  ),
  ...rows(
    'Progress',
    'the token lasts as long as the task',
    'it stays the same',
    'progress ends with the task',
  ),
];
