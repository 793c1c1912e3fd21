/** An id as the bytes it is: as text it would take three times the room, in memory and on disk. */
export const ID_BYTES = 16;

/** Writes a UUID's bytes. @throws Error when the text is none: its place would keep the bytes of another id. */
export function writeId(id: string, into: Buffer, offset: number): void {
  if (into.write(id.replaceAll('-', ''), offset, ID_BYTES, 'hex') !== ID_BYTES) throw new Error(`not a UUID: ${id}`);
}

/** The UUID at this place, in lower case. */
export function readId(from: Buffer, offset: number): string {
  const hex = from.toString('hex', offset, offset + ID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
