'use server';

import { trainMlp } from './train-mlp';

export async function trainOnServer() {
  return trainMlp();
}
