// Cross-entropy on the chip, beside plain FP32 where that was asked for.
import { Doc } from '../data';
import { card, section, Tile, tiles } from '../dom';
import { number, percent, si } from '../format';
import { table } from '../table';

export function render(root: HTMLElement, d: Doc): void {
  const list: Tile[] = [
    { label: 'Cross-entropy', key: 'nats_per_token', value: d.nats_per_token, text: `${number(d.nats_per_token, 5)} nats a token` },
    { label: 'Perplexity', key: 'perplexity', value: d.perplexity, text: number(d.perplexity, 5) },
    { label: 'Tokens', key: 'tokens', value: d.tokens, text: number(d.tokens), note: `${number(d.windows)} windows` },
    { label: 'Simulator', key: 'tokens_per_s_wall', value: d.tokens_per_s_wall, text: `${number(d.tokens_per_s_wall, 3)} tokens/s`, note: si(d.wall_s, 's') },
  ];
  if (d.reference) {
    list.push({ label: 'Against FP32', key: 'relative_difference_pct', value: d.relative_difference_pct, text: percent(d.relative_difference_pct) },
      { label: 'Likeliest token the same', key: 'top1_agreement', value: d.top1_agreement, text: percent(100 * d.top1_agreement, 4) });
  }
  root.append(tiles(list));
  const rows = [{ name: d.chip, prefix: '', ...d }, ...(d.reference ? [{ name: 'FP32', prefix: 'reference.', ...d.reference }] : [])];
  root.append(section('Quality', card('On the chip and in plain FP32', table(
    [{ label: 'On', value: (r: Doc) => r.name },
      ...[['nats_per_token', 'nats a token'], ['perplexity', 'perplexity'], ['bits_per_byte', 'bits a byte']].map(([key, label]) =>
        ({ label, value: (r: Doc) => r[key], text: (r: Doc) => number(r[key], 6), key: (r: Doc) => r.prefix + key }))],
    rows, { label: 'Quality' }))));
}
