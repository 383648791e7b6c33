export type {
  DescriptorKind,
  OpenDescriptor,
  OpenSocket,
  ProcessSample,
  SamplePart,
  SocketState,
} from './process-sample.ts';
export { sampleProcess, sampleProcesses, type SampleOptions } from './sample-process.ts';
export {
  LimitPolicy,
  type LimitCause,
  type LimitChange,
  type LimitPolicyOptions,
} from './limits/limit-policy.ts';
