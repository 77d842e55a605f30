import { trainMlp } from '../../train-mlp';

export const dynamic = 'force-dynamic';

export async function GET() {
  return Response.json(await trainMlp());
}
