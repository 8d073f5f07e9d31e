/** A name out of a file as it may stand in a message: short, and in quotation marks where it has anything unusual in it. */
export function shown(name: string): string {
  const short = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  return /^[\w./:-]+$/.test(name) ? short : JSON.stringify(short);
}
