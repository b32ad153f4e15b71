// Tables that sort by a click on a heading and show the first rows of many.
import { button, figure, h } from './dom';
import { number } from './format';

export interface Column<Row> {
  label: string;
  /** What is sorted by, and the exact value where it is a number. */
  value: (row: Row) => unknown;
  text?: (row: Row) => string | Node;
  key?: (row: Row, index: number) => string;
  unit?: string;
}

export interface TableOptions<Row> {
  label: string;
  limit?: number;
  sort?: [column: number, descending: boolean];
  click?: (row: Row) => void;
  clickLabel?: (row: Row) => string;
  /** Without a scroll bar of its own. */
  whole?: boolean;
}

export function table<Row>(columns: Column<Row>[], rows: Row[], options: TableOptions<Row>): HTMLElement {
  let [sortBy, descending] = options.sort ?? [-1, false];
  let limit = options.limit ?? 50;
  const indexed = rows.map((row, index) => ({ row, index }));
  const isNumber = columns.map((c) => rows.some((r) => typeof c.value(r) === 'number'));
  // Sentences get room, so that they do not stand one word a line on a narrow screen.
  const isLong = columns.map((c, i) => !isNumber[i] && rows.slice(0, 200).some((r) => String(c.value(r) ?? '').length > 24));
  const kindOf = (c: number) => isNumber[c] ? 'n' : isLong[c] ? 'long' : '';
  const head = h('tr');
  const body = h('tbody');
  const more = h('p', { class: 'more' });

  const cell = (column: Column<Row>, c: number, row: Row, index: number): HTMLElement => {
    const value = column.value(row);
    const shown = column.text ? column.text(row) : typeof value === 'number' ? number(value) : String(value ?? '-');
    const content = typeof shown === 'string' && typeof value === 'number' && column.key
      ? figure(column.key(row, index), value, shown) : shown;
    const inner = c === 0 && options.click
      ? h('button', { type: 'button', class: 'link', 'aria-label': options.clickLabel?.(row),
        onclick: () => options.click?.(row) }, content)
      : content;
    return c === 0 ? h('th', { scope: 'row', class: kindOf(c) }, inner)
      : h('td', { class: kindOf(c) }, inner);
  };

  const draw = () => {
    const order = [...indexed];
    if (sortBy >= 0) {
      const value = columns[sortBy].value;
      order.sort((a, b) => {
        const x = value(a.row), y = value(b.row);
        const less = typeof x === 'number' && typeof y === 'number' ? x - y : String(x ?? '').localeCompare(String(y ?? ''));
        return (descending ? -less : less) || a.index - b.index;
      });
    }
    head.replaceChildren(...columns.map((column, c) =>
      h('th', { scope: 'col', class: isNumber[c] ? 'n' : '',
        'aria-sort': c === sortBy ? (descending ? 'descending' : 'ascending') : undefined },
      button(column.unit ? `${column.label} [${column.unit}]` : column.label, () => {
        descending = c === sortBy ? !descending : isNumber[c];
        sortBy = c;
        draw();
      }))));
    body.replaceChildren(...order.slice(0, limit).map(({ row, index }) =>
      h('tr', {}, columns.map((column, c) => cell(column, c, row, index)))));
    more.replaceChildren(...(rows.length > limit
      ? [`${number(limit)} of ${number(rows.length)} rows. `, button('Show more', () => { limit *= 4; draw(); })] : []));
  };
  draw();
  return h('div', { class: 'table' },
    h('div', { class: options.whole ? 'scroll whole' : 'scroll', tabindex: 0, role: 'region', 'aria-label': options.label },
      h('table', {}, h('thead', {}, head), body)), more);
}

/** A table folded away under a chart: the same figures for those who cannot or do not want to read it. */
export function data<Row>(columns: Column<Row>[], rows: Row[], options: TableOptions<Row>): HTMLElement {
  return h('details', {}, h('summary', {}, 'Figures as a table'), table(columns, rows, options));
}
