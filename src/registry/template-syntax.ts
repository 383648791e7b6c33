import { describeValue } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { badOption } from '../options.ts';

/**
 * What a variable may stand for, always at least one character: `segment`, no `/`, `?` or `#`
 * (RFC 3986, 3.3); `segments`, no `?` or `#`; `any`, any characters.
 */
export type VariableKind = 'segment' | 'segments' | 'any';

/** A variable of the path, and the literal text that follows it (`''` only at the end). */
export interface PathVariable {
  readonly name: string;
  readonly kind: VariableKind;
  readonly after: string;
}

/** A template taken apart: literal, variable, literal, …, and the names of its query parameters. */
export interface TemplateSyntax {
  readonly template: string;
  /** The literal text before the first expression; all of it where there is none. */
  readonly prefix: string;
  readonly path: readonly PathVariable[];
  readonly query: readonly string[];
}

/** Matching takes time in proportion to the number of variables, so that number is bounded. */
export const MAX_TEMPLATE_VARIABLES = 64;

// RFC 6570, 2.3, without percent-encoded characters.
const NAME = /^[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*$/;

interface Expression {
  readonly position: number;
  readonly operator: '' | '+' | '?';
  readonly several: boolean;
  readonly names: readonly string[];
}

class TemplateParser {
  readonly #template: string;
  readonly #seen = new Set<string>();

  constructor(template: string) {
    this.#template = template;
  }

  parse(): TemplateSyntax {
    if (this.#template === '') this.#fail(0, 'it is empty');
    const { literals, expressions } = this.#split();
    const path: PathVariable[] = [];
    let query: readonly string[] = [];
    for (const [index, expression] of expressions.entries()) {
      const { position, operator, several } = expression;
      const after = literals[index + 1] ?? '';
      const next = expressions[index + 1];
      if (operator === '?') {
        if (next !== undefined || after !== '') {
          this.#fail(position, 'a query expression must be the last thing');
        }
        const mark = this.#template.indexOf('?');
        if (mark < position) this.#fail(mark, "no literal '?' may stand before a query expression");
        query = expression.names;
        continue;
      }
      if (after === '' && next !== undefined && next.operator !== '?') {
        this.#fail(next.position, 'literal text must stand between two variables');
      }
      const kind = operator === '+' ? 'any' : several ? 'segments' : 'segment';
      path.push({ name: expression.names[0] ?? '', kind, after });
    }
    return { template: this.#template, prefix: literals[0] ?? '', path, query };
  }

  #split(): { literals: string[]; expressions: Expression[] } {
    const template = this.#template;
    const literals: string[] = [];
    const expressions: Expression[] = [];
    let position = 0;
    for (;;) {
      const open = template.indexOf('{', position);
      const literal = template.slice(position, open === -1 ? undefined : open);
      const stray = literal.indexOf('}');
      if (stray !== -1) this.#fail(position + stray, "'}' closes nothing");
      literals.push(literal);
      if (open === -1) return { literals, expressions };
      const close = template.indexOf('}', open);
      if (close === -1) this.#fail(open, "'{' is never closed");
      expressions.push(this.#expression(open, template.slice(open + 1, close)));
      position = close + 1;
    }
  }

  #expression(position: number, body: string): Expression {
    const operator = body.startsWith('+') ? '+' : body.startsWith('?') ? '?' : '';
    const several = operator === '' && body.endsWith('*');
    const list = body.slice(operator.length, several ? -1 : undefined);
    const names = operator === '?' ? list.split(',') : [list];
    let at = position + 1 + operator.length;
    for (const name of names) {
      if (!NAME.test(name)) {
        this.#fail(
          at,
          `${describeValue(`{${body}}`)} is not one of {x}, {+x}, {x*} and {?x,y}, with names of letters, digits and '_'`,
        );
      }
      if (this.#seen.has(name)) this.#fail(at, `the variable ${describeValue(name)} stands twice`);
      this.#seen.add(name);
      if (this.#seen.size > MAX_TEMPLATE_VARIABLES) {
        this.#fail(at, `there are more than ${MAX_TEMPLATE_VARIABLES} variables`);
      }
      at += name.length + 1;
    }
    return { position, operator, several, names };
  }

  #fail(position: number, reason: string): never {
    throw new GranaryError(
      'ERR_GRANARY_BAD_TEMPLATE',
      `the URI template ${describeValue(this.#template)} is not valid at position ${position}: ${reason}`,
      { data: { template: describeValue(this.#template), position, reason } },
    );
  }
}

/**
 * Takes a template apart: `{x}`, `{+x}`, `{x*}`, and `{?x,y}` at its end; no other expression of
 * RFC 6570, no two variables side by side, no name twice.
 *
 * @throws `ERR_GRANARY_BAD_TEMPLATE` with `data.position`; `ERR_GRANARY_BAD_OPTION` for anything
 * but a string.
 */
export function parseTemplate(template: string): TemplateSyntax {
  if (typeof template !== 'string') badOption('template', template, 'a string');
  return new TemplateParser(template).parse();
}
