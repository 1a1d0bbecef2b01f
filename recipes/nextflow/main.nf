// Embed FASTA files and predict a property of their RNAs:
//
//   nextflow run recipes/nextflow/main.nf --fasta 'data/*.fa.gz' --task half-life --species human
nextflow.enable.dsl = 2

params.fasta   = 'data/*.fa.gz'
params.model   = 'isoclr-s'
params.task    = 'half-life'
params.species = 'human'
params.out     = 'results'

process EMBED {
    tag "${name}"
    cpus 2
    memory '4 GB'
    publishDir params.out, mode: 'copy'

    input:
    tuple val(name), path(fasta)

    output:
    tuple val(name), path("${name}.parquet")

    script:
    """
    isoclr embed ${fasta} --model ${params.model} --species ${params.species} --threads ${task.cpus} \\
        -o ${name}.parquet
    """
}

process PREDICT {
    tag "${name}"
    publishDir params.out, mode: 'copy'

    input:
    tuple val(name), path(embeddings)

    output:
    tuple val(name), path("${name}.${params.task}.tsv")

    script:
    """
    isoclr predict ${embeddings} --task ${params.task} --species ${params.species} -o ${name}.${params.task}.tsv
    """
}

workflow {
    rnas = Channel.fromPath(params.fasta, checkIfExists: true).map { file -> tuple(file.name.replaceFirst(/\.fa.*/, ''), file) }
    PREDICT(EMBED(rnas))
}
