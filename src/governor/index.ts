export type {
  DescriptorKind,
  OpenDescriptor,
  OpenSocket,
  ProcessSample,
  SamplePart,
  SocketState,
} from './process-sample.ts';
export { sampleProcess, sampleProcesses, type SampleOptions } from './sample-process.ts';
