// Print what the AsyncAPI parser says of a document; exit code 1 when it is not valid or a warning is given.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const NOT_A_COMPLAINT = 2; // severities: 0 error, 1 warning, 2 information, 3 hint
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
for (const one of diagnostics) console.log(`${one.severity} ${one.path.join('.')}: ${one.message}`);
process.exit(document && diagnostics.every((one) => one.severity >= NOT_A_COMPLAINT) ? 0 : 1);
