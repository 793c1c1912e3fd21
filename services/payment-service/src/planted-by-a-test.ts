export * from '@holdfast/sandbox-provider';
