// Classifies the points of two intertwined spirals.
import { functional, manualSeed, nn, optim, scope, tensor } from "@sdgan/torch";

manualSeed(1);
const spiral = Array.from({ length: 400 }, (_, i) => i % 2);
const angles = spiral.map((which, i) => i / 40 + which * Math.PI);
export const points = tensor(
  angles.map((angle, i) => [(i / 40) * Math.cos(angle), (i / 40) * Math.sin(angle)]),
);
export const classes = tensor(spiral, { dtype: "int64" });

const layer = (from, to) => [new nn.Linear(from, to), new nn.Lambda((x) => x.relu())];
export const network = new nn.Sequential(...layer(2, 64), ...layer(64, 64), new nn.Linear(64, 2));
const adam = new optim.Adam(network.parameters(), { learningRate: 0.01 });

for (let step = 1; step <= 300; step++) {
  scope(() => {
    const loss = functional.crossEntropy(network.forward(points), classes);
    adam.zeroGrad();
    loss.backward();
    adam.step();
    if (step % 100 === 0) console.log(`step ${step}: loss ${loss.item().toFixed(3)}`);
  });
}
const right = scope(() => network.forward(points).argmax(1).eq(classes).to("float32").mean().item());
console.log(`${(100 * right).toFixed(1)} % of the points classified correctly`);
