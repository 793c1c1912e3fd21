/** The part of the package that is used; it brings no types of its own. */
declare module 'fs-native-extensions' {
  /** Locks the whole file for this open file, without waiting; false when another one has it. Ends with the file's close. */
  export function tryLock(fileDescriptor: number): boolean;
}
