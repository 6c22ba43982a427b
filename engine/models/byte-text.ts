// Bytes and counts for people: 1.2 GB, 134.5 M. Used by the models command line. Decimal units, as disks and hubs have them.

/** `812 B`, `14.8 kB`, `1.04 MB`, `16.1 GB` */
export function byteText(bytes: number): string {
  return `${scaled(bytes, ['', ' k', ' M', ' G', ' T'])}B`.replace(/^([\d.]+)B$/, '$1 B');
}

/** `260.03 k`, `134.5 M`, `8.03 B` */
export function countText(count: number): string {
  return scaled(count, ['', ' k', ' M', ' B', ' T']);
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? rest : Number(rest.toPrecision(3))}${units[unit]}`;
}
