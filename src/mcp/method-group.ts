/** What changes together: one notification tells of all of it. */
export type MethodGroup = 'resources' | 'tools' | 'prompts';
