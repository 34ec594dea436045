/** The checksums of a zip archive, which fflate does not look at (PKWARE, APPNOTE.TXT, 4.3.12 and 4.3.16). */

const END = 0x06054b50, ENTRY = 0x02014b50;
const END_BYTES = 22, ENTRY_BYTES = 46;

/** CRC-32 of each file, by name, as the archive's directory has it; empty without a directory. */
export function storedChecksums(bytes: Uint8Array): ReadonlyMap<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const checksums = new Map<string, number>();
  let end = bytes.length - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) return checksums;
  for (let at = view.getUint32(end + 16, true); at + ENTRY_BYTES <= end && view.getUint32(at, true) === ENTRY;) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    checksums.set(new TextDecoder().decode(bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + name)), view.getUint32(at + 16, true));
    at += ENTRY_BYTES + name + extra + comment;
  }
  return checksums;
}

/** CRC-32 with the polynomial of zip. */
export function crc32(bytes: Uint8Array): number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
  let sum = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) sum = (sum >>> 8) ^ table[(sum ^ bytes[i]) & 255];
  return (sum ^ 0xffffffff) >>> 0;
}
