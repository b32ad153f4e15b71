// Which pages a document has.
import { Input } from './data';
import * as casesPage from './pages/cases';
import * as chipPage from './pages/chip';
import * as evalPage from './pages/eval';
import * as explorePage from './pages/explore';
import * as planPage from './pages/plan';
import * as predictPage from './pages/predict';
import * as runPage from './pages/run';
import * as servingPage from './pages/serving';
import * as stepPage from './pages/step';
import * as truthPage from './pages/truth';
import * as verifyPage from './pages/verify';

export interface Page {
  id: string;
  title: string;
  /** The name of the document, to tell pages of one title apart. */
  input: string;
  heading: string;
  about: string;
  render: (root: HTMLElement, state: Record<string, unknown>) => void;
}

export function pagesOf({ name, document: d }: Input): Page[] {
  const page = (id: string, title: string, heading: string, about: string, render: Page['render']): Page =>
    ({ id, title, input: name, heading, about, render });
  switch (d.kind) {
    case 'run':
      return [page('run', 'Run', `${d.model} on ${d.chip}`,
        `${d.prompt_tokens} prompt tokens, ${d.tokens} generated${d.finished === false ? ' so far' : ''}`,
        (root, state) => runPage.render(root, d, state))];
    case 'launch':
      return [page('launch', 'Launch', `${d.program} on ${d.chip}`, 'One program, executed once',
        (root, state) => runPage.renderLaunch(root, d, state))];
    case 'eval':
      return [page('eval', 'Quality', `${d.model} on ${d.chip}`, `Cross-entropy on ${d.text}`,
        (root) => evalPage.render(root, d))];
    case 'verify':
      return [page('rtl', 'RTL', `RTL of ${d.chip} against the simulators`,
        'Every committed line compared in lockstep; cycles of the RTL against those of the timing simulator',
        (root) => verifyPage.render(root, d))];
    case 'predict':
      return [page('predict', 'Prediction', `${d.model} on ${d.chip}`,
        `${d.phase}, ${d.mode} mode, ${d.batch} sequences, context ${d.context}`,
        (root) => predictPage.render(root, d))];
    case 'serving':
      return [page('serving', 'Serving', `${d.model} served on ${d.chip}`, 'Simulated requests',
        (root) => servingPage.render(root, d))];
    case 'validate':
      return [page('truth', 'Truth', 'Predicted against measured',
        `${d.rows.length} published measurements of ${d.measurements}`,
        (root, state) => truthPage.render(root, d, state))];
    case 'step-check':
      return [page('step', 'Step check', `Predictor against timing simulator: ${d.model} on ${d.chip}`,
        `One decode step, ${d.batch} sequences, context ${d.context}`, (root) => stepPage.render(root, d))];
    case 'plan':
      return [
        page('plan', 'Plan', d.scenario, `${d.description ? `${d.description}. ` : ''}Buyer ${d.buyer}, ${d.date}.`,
          (root, state) => planPage.render(root, d, state)),
        ...(d.builds.length ? [page('chip', 'Chip', 'The chip', `What the builds of ${d.scenario} are made of`,
          (root, state) => chipPage.render(root, d, state))] : []),
      ];
    case 'cases':
      return [page('cases', 'Facts', 'Published facts against the models', 'Cost, yield, area and schedule',
        (root) => casesPage.render(root, d))];
    case 'explore':
      return [page('explore', 'Explore', `Chips for ${d.scenario}`, d.about ?? '',
        (root, state) => explorePage.render(root, d, state))];
    default:
      return [];
  }
}
