/** Returns `groups` if the channels can be divided into that number of equal parts. */
export function requireGroups(layer: string, groups: number, ...channels: number[]): number {
  for (const count of channels)
    if (!(Number.isInteger(groups) && groups >= 1 && count % groups === 0))
      throw new TypeError(`${layer}: ${count} channels cannot be divided into ${String(groups)} groups`);
  return groups;
}
