import { keptForTeardown } from './shared.ts';

export default async function teardown(): Promise<void> {
  await keptForTeardown()?.stop();
}
