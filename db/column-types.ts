/** The column types that several files of tables share. Used by schema.ts and the schema-*.ts beside it. */
import type { ColumnType } from 'kysely';

/** A jsonb column: read as the value, written as the value (never a string of JSON). */
export type Json<T> = ColumnType<T, T, T>;
export type CreatedAt = ColumnType<Date, Date | undefined, never>;
export type JsonObject = { readonly [key: string]: unknown };
