// A sketch of a die whose areas are right: memory along the long sides, what is outside the cores on one short side,
// cores in their mesh in between, and in every core its blocks.
import { Doc, sum } from './data';

export interface Placed {
  name: string;   // of the part, or 'core' for the outline of one
  title: string;
  x: number;      // mm; y along the longer side
  y: number;
  w: number;
  h: number;
  mm2: number;
}

interface Part {
  name: string;
  mm2: number;
}

/** Divides a rectangle among parts by area, halving along its longer side. */
export function divide(parts: Part[], x: number, y: number, w: number, h: number): (Part & { x: number; y: number; w: number; h: number })[] {
  if (parts.length === 0) return [];
  if (parts.length === 1) return [{ ...parts[0], x, y, w, h }];
  const total = sum(parts.map((p) => p.mm2));
  let count = 1, first = parts[0].mm2;
  while (count < parts.length - 1 && first + parts[count].mm2 / 2 < total / 2) first += parts[count++].mm2;
  const share = total > 0 ? first / total : 0.5;
  const head = parts.slice(0, count), tail = parts.slice(count);
  return w >= h
    ? [...divide(head, x, y, w * share, h), ...divide(tail, x + w * share, y, w * (1 - share), h)]
    : [...divide(head, x, y, w, h * share), ...divide(tail, x, y + h * share, w, h * (1 - share))];
}

export function layout(b: Doc): Placed[] {
  const width = b.die_width_mm as number, height = b.die_height_mm as number;
  const parts: Doc[] = b.area;
  const out: Placed[] = [];
  const put = (name: string, title: string, x: number, y: number, w: number, h: number, mm2: number) => out.push({ name, title, x, y, w, h, mm2 });

  // Memory interfaces: half of them on each long side, each the whole share of its side.
  const phy = parts.find((p) => p.name.startsWith('memory PHY'));
  let left = 0, right = 0;
  if (phy) {
    const sides = [Math.ceil(phy.count / 2), Math.floor(phy.count / 2)];
    const most = Math.max(1, sides[0]);
    const depth = phy.each_mm2 / (height / most);
    sides.forEach((count, side) => {
      for (let i = 0; i < count; ++i) put(phy.name, `${phy.name} ${side === 0 ? i + 1 : sides[0] + i + 1}`, side === 0 ? 0 : width - depth, i * height / most, depth, height / most, phy.each_mm2);
    });
    left = sides[0] ? depth : 0;
    right = sides[1] ? depth : 0;
  }
  const inner = width - left - right;

  // Links, host and system in a band across.
  const edge = parts.filter((p) => !p.in_core && p !== phy && p.name !== 'overhead of the die')
    .flatMap((p) => p.count > 1 ? [{ name: p.name, mm2: p.total_mm2 }] : [{ name: p.name, mm2: p.each_mm2 }]);
  const band = sum(edge.map((p) => p.mm2)) / inner;
  for (const p of divide([...edge].sort((a, c) => c.mm2 - a.mm2), left, 0, inner, band)) put(p.name, p.name, p.x, p.y, p.w, p.h, p.mm2);

  // Cores: cells of equal size, the core itself shrunk to its area; what is left around it is overhead or empty.
  const cores = b.cores as number, rest = height - band;
  // The mesh lies along the longer side, as the die does.
  let along = Math.max(1, b.core_columns as number), across = Math.ceil(cores / along);
  if ((rest > inner) !== (along > across)) [along, across] = [across, along];
  const cellH = rest / along, cellW = inner / across;
  const blocks = parts.filter((p) => p.in_core).map((p) => ({ name: p.name as string, mm2: p.each_mm2 as number })).sort((a, c) => c.mm2 - a.mm2);
  const coreArea = sum(blocks.map((p) => p.mm2));
  const scale = Math.min(1, Math.sqrt(coreArea / (cellW * cellH)));
  for (let c = 0; c < cores; ++c) {
    const w = cellW * scale, h = cellH * scale;
    const x = left + (c % across) * cellW + (cellW - w) / 2, y = band + Math.floor(c / across) * cellH + (cellH - h) / 2;
    put('core', `core ${c}`, x, y, w, h, coreArea);
    for (const p of divide(blocks, x, y, w, h)) put(p.name, `${p.name} of core ${c}`, p.x, p.y, p.w, p.h, p.mm2);
  }
  return out;
}
