// What settings may be: each kind reads the text of an environment variable, or says what it should have been.
// Used by settings.ts. It knows no setting.
import { z } from 'zod';

export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, `a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `a whole number from ${least} to ${most}`);

/** Empty = off. */
export const optional = (schema: z.ZodString) => z.union([z.literal('').transform(() => undefined), schema]);

/** Empty = left to whoever reads it. */
export const optionalNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d*$/, `a whole number from ${least} to ${most}`)
    .transform((value) => (value === '' ? undefined : Number(value)))
    .refine(
      (value) => value === undefined || (value >= least && value <= most),
      `a whole number from ${least} to ${most}`,
    );

export const partOfOne = z
  .string()
  .regex(/^(0(\.\d{1,6})?|1(\.0{1,6})?)$/, 'a number from 0 to 1')
  .transform(Number);

export const amountOfOpen = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?$/, 'an amount of OPEN with at most nine decimals, like 10 or 0.5');

/** Names the choices. */
export const oneOf: z.RawCreateParams = {
  errorMap: (issue, { defaultError }) => ({
    message: issue.code === 'invalid_enum_value' ? `one of ${issue.options.join(', ')}` : defaultError,
  }),
};
