export {
  AdaptiveResourceManager,
  type AdaptiveResourceManagerOptions,
  type LimitAdjustment,
  type UsageForecast,
  type UsageForecastOptions,
} from './adaptive-resource-manager.ts';
export type { Advice } from './advice.ts';
export type { AdmissionOptions } from './admission-options.ts';
export {
  type PeakPrediction,
  PeakPredictor,
  type PeakPredictorOptions,
} from './prediction/peak-predictor.ts';
export type { DegradationMeasure, DegradationSettings, ResizableCache } from './degradation.ts';
export { EnhancedResourceManager, type ExecuteOptions } from './enhanced-resource-manager.ts';
export type {
  Execution,
  Isolation,
  IsolationKind,
  Leak,
  ModuleTask,
  StartOptions,
  TaskContext,
  ToolTask,
} from './execution.ts';
export type {
  GovernorEventDetails,
  GovernorEventName,
  GovernorListener,
  LimitUse,
} from './governor-event.ts';
export type { HostOptions } from './host-options.ts';
export type { HostCount } from './host-pool.ts';
export { InlineIsolation, type InlineIsolationOptions } from './inline-isolation.ts';
export {
  inspect,
  type InspectionEndpoint,
  type InspectOptions,
} from './inspect/inspection-endpoint.ts';
export type {
  CacheInspection,
  InspectedCache,
  InspectedGovernor,
  InspectedProcess,
  InspectionSnapshot,
} from './inspect/inspection-snapshot.ts';
export type { ToolInspection } from './inspect/tool-inspection.ts';
export type { LeakOptions } from './leak-options.ts';
export type { LadderSettings, ResourceStatus } from './limit-ladder.ts';
export type {
  DegradationOptions,
  EnhancedResourceManagerOptions,
  RaiseRequest,
} from './manager-settings.ts';
export { ProcessIsolation, type ProcessIsolationOptions } from './process-isolation.ts';
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
  DEFAULT_BASE_LIMITS,
  DEFAULT_MAX_LIMITS,
  type Resource,
  type ResourceLimits,
} from './resource-limits.ts';
export {
  type ProcessAccount,
  ResourceTracker,
  type RunningExecution,
  type TrackerOptions,
} from './resource-tracker.ts';
export type { Amount, Amounts, Confidence, HandleSet, ResourceUsage } from './resource-usage.ts';
export type { PatternKind } from './patterns/series-pattern.ts';
export type { FactorExpectation, FactorModel } from './patterns/factor-forecast.ts';
export type { RecentPattern, ResourcePattern, UsagePattern } from './patterns/usage-pattern.ts';
export type { UsagePoint } from './usage-history.ts';
export { WorkerIsolation, type WorkerIsolationOptions } from './worker-isolation.ts';
export type { ExecutionRecord, Outcome } from './execution-log.ts';
export type { ToolOptions } from './tool-options.ts';
export { ToolWalls, type Walls } from './tool-walls.ts';
export {
  LimitPolicy,
  type LimitCause,
  type LimitChange,
  type LimitPolicyOptions,
} from './limits/limit-policy.ts';
export {
  forecast,
  type Forecast,
  type ForecastModel,
  type ForecastOptions,
} from './patterns/forecast.ts';
