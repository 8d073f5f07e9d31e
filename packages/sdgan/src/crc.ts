/** CRC-32 as PNG, zip and Ethernet have it. */
export const crc32 = crc(0xedb88320);

/** CRC-32C (Castagnoli), as TFRecord, iSCSI and ext4 have it. */
export const crc32c = crc(0x82f63b78);

/** A 32-bit cyclic redundancy check, lowest bit first, all ones before and after; `polynomial` bit-reversed. */
function crc(polynomial: number): (bytes: Uint8Array) => number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? polynomial ^ (value >>> 1) : value >>> 1;
    return value;
  });
  return (bytes) => {
    let value = 0xffffffff;
    for (const byte of bytes) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8);
    return ~value >>> 0;
  };
}
