/** A name from a file for a message: short, and quoted if it has unusual characters. */
export function shown(name: string): string {
  const short = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  return /^[\w./:-]+$/.test(name) ? short : JSON.stringify(short);
}
