// Signs what it is told to with taquito's RemoteSigner, which fetches the public key and verifies every signature itself.
//
//   node sign.js http://127.0.0.1:6732 < jobs.json > results.json
//
// A job is {"address", "watermark": byte, "bytes": hex without the watermark}; its result is {"signature", "generic"} or
// {"error": the name of taquito's error}.

const { RemoteSigner } = require('@taquito/remote-signer');

async function signOne(url, job) {
  const signer = new RemoteSigner(job.address, url);
  try {
    const signed = await signer.sign(job.bytes, new Uint8Array([job.watermark]));
    return { signature: signed.prefixSig, generic: signed.sig };
  } catch (error) {
    return { error: error.name, message: String(error.message) };
  }
}

async function main() {
  const [url] = process.argv.slice(2);
  if (!url) {
    throw new Error('usage: node sign.js URL < jobs.json');
  }
  const chunks = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
  }
  const results = [];
  for (const job of JSON.parse(Buffer.concat(chunks).toString('utf8'))) {
    results.push(await signOne(url, job));
  }
  process.stdout.write(JSON.stringify(results) + '\n');
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
